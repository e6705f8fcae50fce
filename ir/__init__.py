"""What programs are: types, ops, graphs, their text and meaning; knows no machine, buffer or user code."""
