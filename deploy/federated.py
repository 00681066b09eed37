"""Puts together what answers requests that cross between members, and what looks after them."""

import asyncio
from contextlib import AsyncExitStack
from ipaddress import ip_address

from aaa.settings import Settings
from deploy.workshop import Workshop
from federation.accounting_forwarder import AccountingForwarder
from federation.canaries import Canaries
from federation.carriers import PROXY_SCHEDULE, Carrier, TlsCarrier, UdpCarrier
from federation.discovery.boundaries import is_anything, is_public, ourselves
from federation.discovery.finder import Finder
from federation.discovery.resolver import DnsResolver
from federation.forwarder import Forwarder
from federation.handler import FederationHandler
from federation.model import Transport
from federation.order_courier import OrderCourier
from federation.refusals import Refusals
from federation.trust.fetching import Fetcher
from federation.trust.upkeep import Upkeep
from federation.verification import Verifier
from federation.visited import Visits
from federation.visitor_orders import VisitorOrders
from federation.visitor_tickets import VisitorTickets
from radius.handlers.access import AccessHandler
from radius.handlers.accounting import AccountingHandler
from radius.handlers.handler import local_handler
from radius.handlers.reply import ReplyBuilder
from radius.transports.alpn import versions_of
from radius.transports.client import Client
from radius.transports.radsec_client import RadsecClient


def forwarder(workshop: Workshop, stack: AsyncExitStack) -> Forwarder:
    """Return what asks partners' servers: one in each process, with what it knows of their health;
    it runs in the background."""
    if workshop.forwarder is not None:
        return workshop.forwarder
    made = workshop.forwarder = Forwarder(
        workshop.installation.settings.federation,
        partners=workshop.partners,
        carriers=_carriers(workshop, stack),
        finder=_finder(workshop.installation.settings, stack),
        clock=workshop.clock,
    )
    workshop.background.append(made.run)
    return made


def verifier(workshop: Workshop, stack: AsyncExitStack) -> Verifier:
    """Return what asks partners about their citizens' passwords."""
    return Verifier(
        forwarder=forwarder(workshop, stack),
        keyring=workshop.installation.keyring,
        clock=workshop.clock,
    )


def handler(
    workshop: Workshop,
    stack: AsyncExitStack,
    replies: ReplyBuilder,
    access: AccessHandler,
    accounting: AccountingHandler,
) -> tuple[FederationHandler, OrderCourier]:
    """Return the handler of all requests and who takes orders to partners; what else goes there
    runs in the background."""
    installation, directory, clock = workshop.installation, workshop.directory, workshop.clock
    database, keyring, partners = installation.database, installation.keyring, workshop.partners
    asking = forwarder(workshop, stack)
    courier = OrderCourier(
        partners=partners, forwarder=asking, warnings=workshop.warnings, clock=clock
    )
    accounts = AccountingForwarder(
        database=database,
        partners=partners,
        forwarder=asking,
        warnings=workshop.warnings,
        clock=clock,
    )
    canaries = Canaries(
        entity=installation.settings.portal.public_url,
        every_seconds=installation.settings.federation.canary_seconds,
        database=database,
        directory=directory,
        partners=partners,
        verifier=verifier(workshop, stack),
        clock=clock,
    )
    workshop.background += [accounts.run, canaries.run]
    refusals = Refusals(replies)
    visits = Visits(
        directory=directory,
        keyring=keyring,
        accounting=accounting,
        forwarder=asking,
        accounts=accounts,
        refusals=refusals,
        clock=clock,
    )
    federated = FederationHandler(
        local_handler(access, accounting),
        directory=directory,
        partners=partners,
        visits=visits,
        visitor_tickets=VisitorTickets(
            database=database,
            directory=directory,
            keyring=keyring,
            refusals=refusals,
            clock=clock,
        ),
        orders=VisitorOrders(database=database, directory=directory, clock=clock),
        refusals=refusals,
        keyring=keyring,
    )
    return federated, courier


def _finder(settings: Settings, stack: AsyncExitStack) -> Finder:
    """Return what looks into DNS for the servers of realms."""
    federation, radius = settings.federation, settings.radius
    stated = (federation.source_address, radius.address)
    addresses = [each for each in stated if each and not ip_address(each).is_unspecified]
    us = ourselves(settings.radsec_servers, addresses, radius.radsec_port)
    finder = Finder(
        DnsResolver(federation.resolver_list),
        is_us=us.is_at,
        is_allowed=is_anything if federation.discover_private else is_public,
        time=asyncio.get_running_loop().time,
    )
    stack.callback(finder.close)
    return finder


def _carriers(workshop: Workshop, stack: AsyncExitStack) -> dict[Transport, Carrier]:
    """Return what sends requests to servers of partners."""
    settings, directory = workshop.installation.settings, workshop.directory
    stated = settings.federation.source_address
    source = ip_address(stated) if stated else None
    client = Client(PROXY_SCHEDULE, source=source)
    stack.callback(client.close)

    def over_tls() -> RadsecClient:
        made = RadsecClient(
            lambda: directory.current.radsec_identity,
            workshop.warnings,
            workshop.clock,
            source=source,
            versions=versions_of(settings.radius.radsec_versions),
        )
        stack.callback(made.close)
        return made

    tls = TlsCarrier(requests=over_tls(), orders=over_tls())
    return {Transport.UDP: UdpCarrier(client), Transport.TLS: tls}


def upkeep(workshop: Workshop, stack: AsyncExitStack) -> Upkeep:
    """Return what keeps members as they say of themselves."""
    installation = workshop.installation
    fetcher = Fetcher()
    stack.push_async_callback(fetcher.close)
    return Upkeep(
        entity=installation.settings.portal.public_url,
        database=installation.database,
        keyring=installation.keyring,
        directory=workshop.directory,
        partners=workshop.partners,
        fetcher=fetcher,
        clock=workshop.clock,
    )
