"""What steps write and read: records, their versions, and the tables of census and catalogue."""
