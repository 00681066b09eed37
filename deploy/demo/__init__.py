"""`farandole demo`: the whole path of a citizen on one machine, without any access point.

    village     the fictional collectivities, hotspots and the citizen
    gateway     a simulated CoovaChilli: UAM to browsers, RADIUS over UDP to the server
    hotspot     what the simulation shows: the phone's screen, its mail, the gateway's redirects
    neighbour   the partner: another member with a service of its own
    run         everything started together, and what is printed

The service itself is the real one, started as `farandole serve` starts it. Nothing outside this
package and its command imports from it.
"""
