"""How somebody proves who they are, at whichever form of ours, and how a new citizen is made.

seeker     who is at the form and what they prove, as values
progress   which proof is still missing: pure
steps      a code by e-mail, or a password
accounts   a new citizen, and the terms of their home
codes      the codes that are mailed; `letters` the mails

Where a proof is kept, and which page follows, is the business of who asks for it: `portal.captive`
for a visit to a hotspot, `portal.openid` for a log-in at a partner's.
"""
