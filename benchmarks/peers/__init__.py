"""Published algorithms written out plainly, to be timed against and to check against; nothing of isogloss in them."""
