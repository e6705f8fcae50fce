"""What programs are: types, ops, graphs, their text and meaning; knows no machine, no buffer, no user code."""
