"""Tables of quantities that search engines write: recognised by their header, read by streaming, kept as AnnData."""
