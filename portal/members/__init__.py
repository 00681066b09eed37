"""What other members of the federation ask us for: what we say of ourselves, joining hands, and how
canaries fare. All of it is signed and none of it is for browsers, but for one public page.
"""
