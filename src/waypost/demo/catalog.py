"""What the demo merchant sells, to whom, through whom, and what goes wrong: plain data."""

from typing import NamedTuple

from waypost.app.accounts import SourceDraft
from waypost.wire.addresses import AddressIn

COMPANY = "Harbour & Pine Outfitters"
CHANNELS = ("Web shop", "Marketplace")


def sources(account_id: int) -> tuple[SourceDraft, ...]:
    """The four sources; their demands are what some requests founder on."""
    return (
        SourceDraft(account_id, "Northwind Supply", auto_process=False),
        SourceDraft(account_id, "Bergmann Logistik 3PL", max_number_length=12, auto_process=False),
        SourceDraft(account_id, "Kitanaka Trading", required_fields=("customs value",), auto_process=False),
        SourceDraft(account_id, "Own warehouse Leeds", auto_process=True),
    )


UNLIMITED, LIMITED, DEMANDING, OWN = range(4)


class Product(NamedTuple):
    """Price in ten-thousandths."""

    sku: str
    title: str
    price: int


PRODUCTS = tuple(
    Product(sku, title, round(price * 10_000))
    for sku, title, price in [
        ("HP-TENT-2", "Two-person trekking tent", 249.0), ("HP-TENT-4", "Family tent, four persons", 419.5),
        ("HP-BAG-0C", "Down sleeping bag, 0 °C", 189.99), ("HP-MAT-R5", "Insulated mat, R 5.2", 129.0),
        ("HP-STOVE-G", "Gas stove, 85 g", 44.95), ("HP-POT-900", "Titanium pot, 900 ml", 52.5),
        ("HP-LAMP-450", "Head torch, 450 lumens", 69.9), ("HP-PACK-55", "Trekking pack, 55 l", 219.0),
        ("HP-PACK-22", "Day pack, 22 l", 84.0), ("HP-BOOT-42", "Leather boots, 42", 239.0),
        ("HP-BOOT-44", "Leather boots, 44", 239.0), ("HP-SOCK-M", "Merino socks, M", 18.5),
        ("HP-SHELL-L", "Rain shell, L", 279.0), ("HP-FLEECE-S", "Fleece, S", 79.0),
        ("HP-FILTER", "Water filter", 39.95),
        ("HP-MAP-ALPS", "Map set, Western Alps", 34.8), ("HP-KNIFE", "Folding knife", 47.0),
        ("HP-ROPE-60", "Climbing rope, 60 m", 199.0), ("HP-HELM-M", "Climbing helmet, M", 64.95),
        ("HP-POLE-2", "Trekking poles, pair", 99.0), ("HP-MUG", "Enamel mug", 12.9),
        ("HP-KIT-AID", "First-aid kit", 28.4),
    ]
)  # fmt: skip


def _to(name: str, line: str, city: str, postal: str, country: str, state: str | None = None) -> AddressIn:
    user = "".join(char for char in name.lower() if char.isascii() and char.isalpha()) or "customer"
    return AddressIn(
        name=name, address_line1=line, city=city, postal=postal, country=country, state=state,
        email=f"{user}@example.com", phone="+1 555 0100",
    )  # fmt: skip


ADDRESSES = (
    _to("Grace Okafor", "118 Cedar Street", "Portland", "97205", "US", "Oregon"),
    _to("Daniel Ruiz", "4021 Alameda Ave", "El Paso", "79905", "US", "TX"),
    _to("Mary-Ann O'Neill", "7 Harbour Row", "Galway", "H91 E2K3", "Ireland"),
    _to("Jürgen Groß", "Königstraße 12", "Nürnberg", "90402", "Germany"),
    _to("Zoë Lefèvre", "3 bis, rue de l'Église", "Besançon", "25000", "France"),
    _to("Łukasz Wiśniewski", "ul. Świętokrzyska 30/5", "Łódź", "90-002", "Poland"),
    _to("Åsa Bergström", "Östra Hamngatan 8", "Göteborg", "411 09", "Sweden"),
    _to("佐藤 健", "神宮前1-2-3", "渋谷区", "150-0001", "Japan"),
    _to("김 민준", "테헤란로 152", "서울", "06236", "South Korea"),
    _to("محمد الفارسي", "شارع الشيخ زايد ١٥", "دبي", "00000", "United Arab Emirates"),
    _to("Дарья Коваленко", "вул. Хрещатик, 22", "Київ", "01001", "Ukraine"),
    _to("Ελένη Παπαδοπούλου", "Ερμού 56", "Αθήνα", "105 63", "Greece"),
    _to("रोहन शर्मा", "12 एमजी रोड", "मुंबई", "400001", "India"),
    _to("João Conceição", "Rua Augusta, 1500", "São Paulo", "01304-001", "Brazil"),
    _to("Aroha Ngata", "45 Karangahape Road", "Auckland", "1010", "New Zealand"),
    _to("Nguyễn Thị Hạnh", "89 Lê Lợi", "Đà Nẵng", "550000", "Vietnam"),
)

SHIPPING_TEXTS = ("Ground", "Express", "Standard international", "Economy")

CARRIERS = (("DHL", "Paket"), ("UPS", "Ground"), ("Royal Mail", "Tracked 48"), ("Yamato", "TA-Q-BIN"))

# (failure code, what the source says)
FAILURES = (
    ("out_of_stock", "Item discontinued; last units sold on Tuesday."),
    ("address_invalid", "Street number missing: carrier rejects the label."),
    ("sku_unknown", "SKU not in our catalogue: did you mean the 2026 model?"),
    ("quantity_unavailable", "Only 1 of 3 on the shelf."),
    ("destination_undeliverable", "No service to this postcode with the chosen method."),
    ("customs_info_missing", "HS code and country of origin needed for export."),
    ("source_timeout", "No answer from the warehouse system within 60 s."),
    ("source_rejected", "Account on credit hold, please call accounting."),
    ("price_mismatch", "Cost on the order differs from the price list valid from 1 November."),
    ("other", "Lager wegen Inventur geschlossen – bitte am Montag erneut senden."),
)
CANCEL_REASONS = ("Discontinued by the manufacturer", "Damaged in the warehouse, no replacement", "在庫切れのため")
VOID_REASONS = ("Customer changed their mind", "Ordered twice by mistake", "Moved to another source")
PEOPLE = ("Mara Lindqvist", "Tom Adeyemi", "Inés Castro")
