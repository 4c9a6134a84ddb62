"""Collections of RNAs with their vectors: the reference library, own libraries and the RNA of the view; the search in them and their map."""
