"""Remote procedure calls over HTTP."""
