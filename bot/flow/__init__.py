"""The way of the data: each step decides a value and hands it on; what is done goes through a port."""
