"""What only the CELLxGENE dataset schema asks of an H5AD, beyond what a conversion needs."""
