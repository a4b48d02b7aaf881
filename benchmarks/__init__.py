"""`make bench`: the same calls made directly, through HAProxy and over HTTP through our proxy."""
