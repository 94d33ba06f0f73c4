"""Who lives in the demo world. Names, firms and numbers are made up."""

from dataclasses import dataclass
from decimal import Decimal

from wallet_app.identity.permissions import Role

DOMAIN = "wallet.example"


@dataclass(frozen=True, slots=True, kw_only=True)
class StaffMember:
    """Somebody who works here; ``name`` is the part of the email address before the @."""

    name: str
    full_name: str
    role: Role
    timezone: str = "UTC"


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    """A customer and what their life costs. Amounts are in the first of ``currencies``.

    ``employer`` and ``landlord`` are names of customers, or of firms outside. ``takings`` are a business's, a week.
    """

    name: str
    full_name: str
    timezone: str
    currencies: tuple[str, ...]
    town: str
    phone: str | None = None
    company: str | None = None
    joined: int = 0
    """Days after the history's beginning."""
    wage: Decimal | None = None
    employer: str = ""
    rent: Decimal | None = None
    landlord: str = ""
    saving: Decimal | None = None
    takings: Decimal | None = None
    offer: str = ""
    """What a business sells to people, if it does."""
    flatmate: str | None = None
    friends: tuple[str, ...] = ()

    @property
    def given_name(self) -> str:
        """What friends call them."""
        return self.full_name.split()[0]


def make_email(name: str) -> str:
    """The address somebody of the demo world signs in with."""
    return f"{name}@{DOMAIN}"


STAFF = (
    StaffMember(name="admin", full_name="Ingrid Solheim", role=Role.ADMIN, timezone="Europe/Oslo"),
    StaffMember(name="operations", full_name="Kwame Boateng", role=Role.OPERATIONS, timezone="Africa/Accra"),
    StaffMember(name="support", full_name="Lucía Navarro", role=Role.SUPPORT, timezone="Europe/Madrid"),
    StaffMember(name="analyst", full_name="Priya Raman", role=Role.FRAUD_ANALYST, timezone="Asia/Kolkata"),
    StaffMember(name="analyst2", full_name="Tom Whitfield", role=Role.FRAUD_ANALYST, timezone="Europe/London"),
    StaffMember(name="auditor", full_name="Hana Dvořáková", role=Role.AUDITOR, timezone="Europe/Prague"),
)


def _customer(
    name: str,
    full_name: str,
    timezone: str,
    currencies: str,
    town: str,
    *,
    wage: str | None = None,
    rent: str | None = None,
    saving: str | None = None,
    takings: str | None = None,
    employer: str = "",
    landlord: str = "",
    phone: str | None = None,
    company: str | None = None,
    joined: int = 0,
    offer: str = "",
    flatmate: str | None = None,
    friends: str = "",
) -> Customer:
    amounts = {"wage": wage, "rent": rent, "saving": saving, "takings": takings}
    return Customer(
        name=name,
        full_name=full_name,
        timezone=timezone,
        currencies=tuple(currencies.split()),
        town=town,
        phone=phone,
        company=company,
        joined=joined,
        employer=employer,
        landlord=landlord,
        offer=offer,
        flatmate=flatmate,
        friends=tuple(friends.split()),
        **{what: Decimal(text) if text else None for what, text in amounts.items()},
    )


CUSTOMERS = (
    # US dollars
    _customer(
        "ana", "Ana Kovačević", "America/New_York", "USD EUR", "Astoria", phone="+1 212 555 0141",
        wage="2050", employer="Northwind Trading", rent="640", landlord="grace.miller",
        friends="bo maya.okafor lukas.brandt sofia.marini",
    ),
    _customer(
        "bo", "Bo Lindgren", "America/Chicago", "USD", "Pilsen", phone="+1 312 555 0178",
        wage="1900", employer="diego.romero", rent="590", landlord="Lakeside Homes", friends="ana jasmine.tran",
    ),
    _customer(
        "maya.okafor", "Maya Okafor", "America/New_York", "USD", "Fort Greene", phone="+1 718 555 0126", joined=2,
        wage="2000", employer="Hudson Public Library", rent="620", landlord="grace.miller", saving="200",
        friends="ana jasmine.tran ethan.brooks",
    ),
    _customer(
        "diego.romero", "Diego Romero", "America/Chicago", "USD", "West Loop", company="Romero & Sons Bakery",
        phone="+1 312 555 0110", takings="2050", offer="Bread and coffee", rent="900", landlord="Fulton Market Lofts",
        friends="bo",
    ),
    _customer(
        "jasmine.tran", "Jasmine Tran", "America/Los_Angeles", "USD", "Oakland", joined=6,
        wage="2080", employer="Bayline Transit", rent="700", landlord="Temescal Flats", saving="120",
        flatmate="ethan.brooks", friends="maya.okafor bo ethan.brooks",
    ),
    _customer(
        "ethan.brooks", "Ethan Brooks", "America/Los_Angeles", "USD", "Oakland", joined=9,
        wage="1750", employer="Redwood Physiotherapy", friends="jasmine.tran maya.okafor",
    ),
    _customer(
        "grace.miller", "Grace Miller", "America/New_York", "USD", "Sunnyside", company="Miller Lettings",
        phone="+1 718 555 0163", takings="420", friends="ana",
    ),
    _customer(
        "victor.almeida", "Victor Almeida", "America/Sao_Paulo", "USD", "Pinheiros", joined=14,
        wage="1500", employer="Remote Works Inc.", friends="diego.romero ethan.brooks",
    ),
    # Euros
    _customer(
        "lukas.brandt", "Lukas Brandt", "Europe/Berlin", "EUR", "Neukölln", phone="+49 30 5550142",
        wage="1850", employer="elsa.lindqvist", rent="610", landlord="Hausverwaltung Krüger", saving="150",
        friends="ana sofia.marini camille.moreau",
    ),
    _customer(
        "elsa.lindqvist", "Elsa Lindqvist", "Europe/Stockholm", "EUR", "Södermalm", company="Studio Lindqvist",
        phone="+46 8 555 01 32", takings="1800", rent="850", landlord="Katarina Kontor", friends="lukas.brandt",
    ),
    _customer(
        "sofia.marini", "Sofia Marini", "Europe/Rome", "EUR", "Trastevere", phone="+39 06 5550 119",
        wage="1650", employer="Libreria Aurora", rent="520", landlord="Immobiliare Tevere", saving="80",
        flatmate="niamh.byrne", friends="lukas.brandt camille.moreau ana",
    ),
    _customer(
        "camille.moreau", "Camille Moreau", "Europe/Paris", "EUR GBP", "Belleville", joined=4,
        wage="1780", employer="elsa.lindqvist", rent="590", landlord="Foncia Est",
        friends="sofia.marini lukas.brandt niamh.byrne",
    ),
    _customer(
        "niamh.byrne", "Niamh Byrne", "Europe/Dublin", "EUR", "Stoneybatter", joined=11,
        wage="1700", employer="Liffey Veterinary", saving="100", friends="camille.moreau sofia.marini",
    ),
    # Malaysian ringgit
    _customer(
        "mei", "Mei Ling Tan", "Asia/Kuala_Lumpur", "MYR", "Bangsar", phone="+60 3 5550 1187",
        wage="5200", employer="Selangor Textiles", rent="1450", landlord="farid.rahman",
        friends="aisyah.zainal hafiz.ibrahim siti.kamal",
    ),
    _customer(
        "aisyah.zainal", "Nur Aisyah Zainal", "Asia/Kuala_Lumpur", "MYR SGD", "Kampung Baru", joined=1,
        wage="4300", employer="wong.kahwai", rent="1100", landlord="farid.rahman",
        friends="mei siti.kamal hafiz.ibrahim",
    ),
    _customer(
        "farid.rahman", "Farid Rahman", "Asia/Kuala_Lumpur", "MYR", "Damansara", company="Rahman Properties",
        phone="+60 3 5550 1120", takings="2400", friends="mei",
    ),
    _customer(
        "wong.kahwai", "Wong Kah Wai", "Asia/Kuala_Lumpur", "MYR", "Petaling Street", company="Kedai Kopi Selera",
        phone="+60 3 5550 1164", takings="4800", offer="Breakfast", rent="2400", landlord="farid.rahman", friends="mei",
    ),
    _customer(
        "hafiz.ibrahim", "Hafiz Ibrahim", "Asia/Kuching", "MYR", "Kuching", joined=8,
        wage="3900", employer="Borneo Survey", rent="900", landlord="Padungan Rentals", saving="250",
        flatmate="siti.kamal", friends="mei aisyah.zainal siti.kamal",
    ),
    _customer(
        "siti.kamal", "Siti Kamal", "Asia/Kuching", "MYR", "Kuching", joined=8,
        wage="3600", employer="wong.kahwai", friends="hafiz.ibrahim mei",
    ),
    # Singapore dollars
    _customer(
        "daniel.koh", "Daniel Koh", "Asia/Singapore", "SGD", "Tiong Bahru", phone="+65 5550 1192", joined=3,
        wage="2700", employer="Merlion Logistics", rent="850", landlord="rachel.lim", saving="250",
        friends="rachel.lim aisyah.zainal",
    ),
    _customer(
        "rachel.lim", "Rachel Lim", "Asia/Singapore", "SGD", "Katong", company="Lim Pottery", phone="+65 5550 1138",
        takings="900", offer="Pottery class", friends="daniel.koh aisyah.zainal",
    ),
    # Pounds
    _customer(
        "oliver.hughes", "Oliver Hughes", "Europe/London", "GBP", "Peckham", phone="+44 20 7946 0118",
        wage="1600", employer="zara.ahmed", rent="560", landlord="Harbour & Finch", saving="90",
        friends="zara.ahmed rhys.evans camille.moreau",
    ),
    _customer(
        "zara.ahmed", "Zara Ahmed", "Europe/London", "GBP", "Brick Lane", company="Ahmed Tailoring",
        phone="+44 20 7946 0155", takings="1450", offer="Alterations",
        rent="780", landlord="Spitalfields Estates", friends="oliver.hughes",
    ),
    _customer(
        "rhys.evans", "Rhys Evans", "Europe/London", "GBP", "Roath", joined=17,
        wage="1450", employer="Taff Valley School", rent="430", landlord="Cathays Lets",
        friends="oliver.hughes zara.ahmed",
    ),
    # Yen: no fraction digits
    _customer(
        "yuki.tanaka", "Yuki Tanaka", "Asia/Tokyo", "JPY", "Shimokitazawa", phone="+81 3 5550 1146",
        wage="285000", employer="haruto.sato", rent="82000", landlord="Setagaya Jutaku", saving="20000",
        friends="haruto.sato emi.nakamura",
    ),
    _customer(
        "haruto.sato", "Haruto Satō", "Asia/Tokyo", "JPY", "Aoyama", company="Aoyama Design", takings="255000",
        phone="+81 3 5550 1171", rent="140000", landlord="Minami Building", friends="yuki.tanaka",
    ),
    _customer(
        "emi.nakamura", "Emi Nakamura", "Asia/Tokyo", "JPY USD", "Kichijōji", joined=5,
        wage="260000", employer="haruto.sato", rent="76000", landlord="Musashino Homes",
        friends="yuki.tanaka haruto.sato",
    ),
    # Kuwaiti dinars: three fraction digits
    _customer(
        "fatima.almutairi", "Fatima Al-Mutairi", "Asia/Kuwait", "KWD", "Salmiya", company="Dar Fatima",
        phone="+965 5550 1109", takings="310", offer="Incense", friends="yousef.haddad",
    ),
    _customer(
        "yousef.haddad", "Yousef Haddad", "Asia/Kuwait", "KWD", "Hawally", joined=2,
        wage="610.500", employer="fatima.almutairi", rent="185.750", landlord="Gulf Residence", saving="40",
        friends="fatima.almutairi",
    ),
    # Uzbek soums, and Argentine pesos
    _customer(
        "dilnoza.karimova", "Dilnoza Karimova", "Asia/Tashkent", "UZS", "Chilonzor", phone="+998 71 555 01 27",
        wage="9500000", employer="Silk Road Air", rent="2800000", landlord="Chilonzor Uylar", saving="600000",
        friends="rustam.yusupov",
    ),
    _customer(
        "rustam.yusupov", "Rustam Yusupov", "Asia/Samarkand", "UZS", "Registon", company="Yusupov Ceramics",
        takings="4200000", offer="Tea bowls", rent="3100000", landlord="Registon Bozori", friends="dilnoza.karimova",
    ),
    _customer(
        "martina.suarez", "Martina Suárez", "America/Argentina/Buenos_Aires", "ARS USD", "Palermo", joined=7,
        wage="1650000", employer="Editorial Plata", rent="520000", landlord="Inmobiliaria Sur",
        friends="joaquin.ferreyra",
    ),
    _customer(
        "joaquin.ferreyra", "Joaquín Ferreyra", "America/Argentina/Cordoba", "ARS", "Güemes", joined=12,
        wage="1400000", employer="Taller Ferreyra", rent="450000", landlord="Alquileres Centro",
        friends="martina.suarez",
    ),
)  # fmt: skip
