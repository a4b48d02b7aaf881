"""Details templates: how clients draw objects.  MS-OXOABKT"""
