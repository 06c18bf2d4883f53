"""The pages for people: what the operations answer, shown in a browser."""
