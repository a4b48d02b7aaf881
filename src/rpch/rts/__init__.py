"""Request To Send: the commands and PDUs that RPC over HTTP v2 adds to RPC.  MS-RPCH 2.2.3, 2.2.4"""
