"""The op rows, one file per family; a row knows its own op and no other."""
