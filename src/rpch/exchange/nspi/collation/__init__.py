"""How names are compared and sorted, language by language.  MS-OXNSPI 3.1.4.3"""
