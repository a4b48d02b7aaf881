"""Who somebody is: Basic, NTLM and Negotiate behind one seam."""
