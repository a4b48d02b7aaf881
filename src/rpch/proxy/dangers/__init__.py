"""What `rpch policy check` finds dangerous in the settings of a proxy."""
