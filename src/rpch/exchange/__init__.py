"""The Exchange services: address book, referral, Autodiscover, and the switches that go with them."""
