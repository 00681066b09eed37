"""EAP methods: each a state machine that a conversation drives."""
