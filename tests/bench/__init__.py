"""`make bench`: our server beside FreeRADIUS in one run, figures as ratios."""
