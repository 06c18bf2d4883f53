"""The documents as clients see them, in the product's shapes; they are not those of the lake."""
