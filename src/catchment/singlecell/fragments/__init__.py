"""ATAC fragments beside an H5AD: the schema's rules for them, and the sorted, indexed file that is published."""
