"""EAP conversations under way, by their State: bounded in number and time."""
