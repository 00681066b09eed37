"""What has to be typed into a NAS, in the words of its vendor, ready to paste."""

from dataclasses import asdict, dataclass
from typing import Final
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Setup:
    """What one NAS must be told. ``server`` and the secrets may be words in angle brackets, where
    only the operator knows what belongs there; ``coa_port`` is the NAS' own. ``home_hosts``: of the
    pages of partners, which browsers go to before they are let in, as they do to the portal's."""

    nas_identifier: str
    server: str
    auth_port: int
    acct_port: int
    coa_port: int
    portal_url: str
    secret: str
    uam_secret: str
    home_hosts: tuple[str, ...] = ()


_TEMPLATES: Final = {
    # With a challenge that expires, version 1.9 closes the connection after a refusal, where it
    # should redirect to the page that says why.
    "coovachilli": """\
# CoovaChilli: chilli.conf
radiusserver1     {server}
radiusserver2     {server}
radiusauthport    {auth_port}
radiusacctport    {acct_port}
radiussecret      {secret}
radiusnasid       {nas_identifier}
coaport           {coa_port}
uamserver         {portal_url}
uamsecret         {uam_secret}
uamallowed        {hosts_in_line}
challengetimeout  0
macauth
""",
    "uspot": """\
# uspot: /etc/config/uspot
config uspot 'captive'
	option auth_mode 'uam'
	option interface 'captive'
	option setname 'uspot'
	option auth_server '{server}'
	option auth_port '{auth_port}'
	option auth_secret '{secret}'
	option acct_server '{server}'
	option acct_port '{acct_port}'
	option acct_secret '{secret}'
	option counters '1'
	option das_port '{coa_port}'
	option das_secret '{secret}'
	option nasid '{nas_identifier}'
	option nasmac '<MAC address of the access point>'
	option uam_server '{portal_url}'
	option uam_secret '{uam_secret}'
	option final_redirect_url 'uam'
	option mac_auth '1'

# uspot: /etc/config/dhcp, for the set that /etc/config/firewall lets captive devices through to
config ipset
	list name 'wlist'
{hosts_in_list}""",
    "hostapd": """\
# hostapd: hostapd.conf
nas_identifier={nas_identifier}
macaddr_acl=2
auth_server_addr={server}
auth_server_port={auth_port}
auth_server_shared_secret={secret}
acct_server_addr={server}
acct_server_port={acct_port}
acct_server_shared_secret={secret}
radius_acct_interim_interval=600
radius_das_port={coa_port}
radius_das_client={server} {secret}
""",
    "generic": """\
RADIUS server        {server}
authentication port  {auth_port}
accounting port      {acct_port}
shared secret        {secret}
NAS-Identifier       {nas_identifier}
Disconnect port      {coa_port}
before log-in        {hosts_in_line}
redirect to          {portal_url}?login_url=<log-in page>&mac=<device>&url=<page asked for>
""",
}


def signs_redirects(vendor: str) -> bool:
    """Return whether the vendor's NAS signs its redirects, with a uamsecret."""
    return "{uam_secret}" in _TEMPLATES.get(vendor, "")


def configuration(vendor: str, setup: Setup) -> str:
    """Return all that has to be set, as lines of the vendor's own configuration."""
    hosts = list(dict.fromkeys((urlsplit(setup.portal_url).hostname or "", *setup.home_hosts)))
    written = {
        "hosts_in_line": ",".join(hosts),
        "hosts_in_list": "".join(f"\tlist domain '{host}'\n" for host in hosts),
    }
    return _TEMPLATES[vendor].format_map(asdict(setup) | written)


def has_pages_before(vendor: str) -> bool:
    """Return whether browsers have to be let through to pages before they are let in."""
    return "{hosts_in_" in _TEMPLATES.get(vendor, "")


def configured_secret(vendor: str, setup: Setup) -> str:
    """Return of the configuration the lines that the shared secret stands in."""
    lines = _TEMPLATES[vendor].splitlines(keepends=True)
    return "".join(line for line in lines if "{secret}" in line).format_map(asdict(setup))
