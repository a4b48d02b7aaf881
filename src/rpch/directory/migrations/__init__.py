"""How a database becomes what `tables.py` describes, one numbered step after the other."""
