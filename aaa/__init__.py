"""Authentication, authorization, accounting: who may connect, and what happened.

Owns the model (collectivities, hotspots, access points, citizens, devices, tickets, sessions),
its storage, the policy decision and the NAS adapters. RADIUS and the portal meet here and only
here. Not here: packets (``radius``), pages (``portal``), starting things (``deploy``).
"""
