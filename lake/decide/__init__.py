"""The rules of the merged view (semantics 1, 2.3, 2.4, 3.5 and 3.6), each written once.

`updates` and `activities` decide over events in Python, for a card and a timeline. `sql` says the
same as fragments of SQL, from which the views, macros, counts and flap-backs are made. `present`
says what now is, and which instants may be asked for. A test compares Python and SQL.
"""
