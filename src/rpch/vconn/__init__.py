"""Virtual connections: the machines of the client, the two proxies and the server.  MS-RPCH 3.2"""
