"""Our own NTLM acceptor: NTLMv2 only, with extended protection and session security.  MS-NLMP"""
