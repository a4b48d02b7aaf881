"""Autodiscover: how a client finds its way from a mail address alone.  MS-OXDISCO, MS-OXDSCLI"""
