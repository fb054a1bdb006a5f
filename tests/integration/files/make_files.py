"""Make the files of this folder as spreadsheets and data programs write them; each was made once and is committed.

  python3 -m venv /tmp/files && /tmp/files/bin/pip install openpyxl==3.1.5 pandas==2.3.3
  /tmp/files/bin/python tests/integration/files/make_files.py     # with LibreOffice Calc 7.4 as `soffice`

openpyxl writes the two workbooks. LibreOffice saves each as CSV, cells as shown, as it does in three locales: American, German
and French. pandas writes its files itself.
"""

import datetime as dt
import subprocess
import tempfile
from pathlib import Path

import openpyxl
import pandas as pd

HERE = Path(__file__).parent
# The separator of the cells (an ASCII code), and the locale of LibreOffice itself.
LOCALES = {"american": (44, "en-US"), "german": (59, "de-DE"), "french": (59, "fr-FR")}
PROFILE = """\
<?xml version="1.0" encoding="UTF-8"?>
<oor:items xmlns:oor="http://openoffice.org/2001/registry">
<item oor:path="/org.openoffice.Setup/L10N"><prop oor:name="ooSetupSystemLocale" oor:op="fuse"><value>{}</value></prop></item>
</oor:items>
"""
NUMBER = 254700000003


def customers(folder: Path) -> Path:
    """Write a workbook of customers: numbers as text and as numbers, an empty row and column at the end."""
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(["Name", "Phone number", "Email", None])
    sheet.append(["Jane Otieno", "+254700000001", "jane@example.com"])
    sheet.append(["José Mwangi", NUMBER, "jose@example.com"])
    sheet["B3"].number_format = "0"
    sheet.append(["Ali Hassan", NUMBER - 1, "ali@example.com"])
    # As Excel shows twelve digits in a column of ordinary width.
    sheet["B4"].number_format = "0.00000E+00"
    sheet.append(['Tom "TJ" Barasa, junior', "0700 000 004", "tom@example.com"])
    sheet.append(["Mary\nWanjiku", "0700000005", "mary@example.com"])
    sheet.append([None, None, None, None])
    sheet["D9"] = " "
    book.save(folder / "customers.xlsx")
    return folder / "customers.xlsx"


def orders(folder: Path) -> Path:
    """Write a workbook of orders: amounts with and without signs between the thousands, and dates."""
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(["reference", "order_date", "customer", "item", "amount"])
    day = dt.date(2026, 11, 2)
    sheet.append(["INV-1", day, "0700000001", "macbook m2", 56000.68])
    sheet.append([1002, day, NUMBER, "tea leaves; 500 g", 345])
    sheet["C3"].number_format = "0"
    sheet.append(["INV-3", day, "0700000001", "solar lamp", 3450.5])
    sheet["E4"].number_format = "#,##0.00"
    sheet.append(["INV-4", day, "0700000001", "=1/0", 1])
    book.save(folder / "orders.xlsx")
    return folder / "orders.xlsx"


def save_as_csv(workbook: Path) -> None:
    """Save the workbook as LibreOffice does in each locale."""
    for name, (separator, locale) in LOCALES.items():
        profile = workbook.parent / locale / "user"
        profile.mkdir(parents=True, exist_ok=True)
        (profile / "registrymodifications.xcu").write_text(PROFILE.format(locale))
        # In UTF-8 (76), cells as shown: https://help.libreoffice.org/latest/en-US/text/shared/guide/csv_params.html
        options = f"{separator},34,76,1,,0,false,true"
        convert = ["--convert-to", f"csv:Text - txt - csv (StarCalc):{options}", "--outdir", str(workbook.parent)]
        office = ["soffice", f"-env:UserInstallation=file://{profile.parent}", "--headless"]
        subprocess.run([*office, *convert, str(workbook)], check=True)
        (HERE / f"libreoffice-{name}-{workbook.stem}.csv").write_bytes(workbook.with_suffix(".csv").read_bytes())


def with_pandas() -> None:
    """Write frames: with a byte order mark, with a column that an empty cell has turned into decimals, and as JSON lines."""
    frame = pd.DataFrame(
        {
            "name": ["Jane Otieno", "José Mwangi", "Ali Hassan"],
            "phone_number": ["+254700000001", "0700000003", "0700000002"],
            "email": ["jane@example.com", "jose@example.com", "ali@example.com"],
        }
    )
    frame.to_csv(HERE / "pandas-customers.csv", index=False, encoding="utf-8-sig")
    frame.to_csv(HERE / "pandas-customers.tsv", index=False, sep="\t")
    frame["phone_number"] = [254700000001, None, 254700000002]
    frame.to_csv(HERE / "pandas-customers-decimals.csv", index=False)
    made = pd.DataFrame(
        {
            "reference": ["INV-1", "INV-2"],
            "customer": ["0700000001", "0700000003"],
            "item": ["macbook m2", "café"],
            "amount": [56000.68, 345],
            "order_date": pd.to_datetime(["2026-11-02", "2026-11-02"]),
        }
    )
    made.to_csv(HERE / "pandas-orders.csv", index=False, sep=";", decimal=",")
    made.to_json(HERE / "pandas-orders.ndjson", orient="records", lines=True, force_ascii=False)


with tempfile.TemporaryDirectory() as temporary:
    for workbook in (customers(Path(temporary)), orders(Path(temporary))):
        save_as_csv(workbook)
with_pandas()
