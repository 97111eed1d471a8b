"""Photographs by item id: a folder of them, or a zip."""

import zipfile
from pathlib import Path, PurePosixPath

import polars as pl

from recweave.core.errors import BadInput
from recweave.data.dataset import Dataset
from recweave.data.pictures import INSIDE
from recweave.data.problems import BrokenFile, Problems
from recweave.data.readers.columns import ids, text
from recweave.data.readers.delimited import Delimited
from recweave.data.readers.files import files_of, pick
from recweave.data.readers.plan import Plan, Sheet, Tables

_ENDS = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp")

_STYLES = {
    "item_id": ids("id"),
    "title": text("productDisplayName"),
    **{name: text(name) for name in ("masterCategory", "subCategory", "articleType")},
}


def photos(path: Path) -> Plan:
    """Photographs named by item id (`10001.jpg`): a folder or zip of them, or the folder of a zip.

    Paths of photographs are relative to the folder read (`photos.zip!/10001.jpg`); `PictureFiles`
    reads them. Beside them may lie `styles.csv` (Kaggle's fashion products: id,
    productDisplayName, masterCategory, subCategory, articleType, …); items without a photograph
    are kept. There are no events; `with_photos` gives the photographs to another dataset's items.
    """
    styles = pick(files_of(path), "styles.csv") if path.is_dir() else None
    sheets = []
    if styles:
        sheets.append(Sheet("items", styles, Delimited(), _STYLES, others=True))
    pictures = found_photos(path)

    def finish(tables: Tables, problems: Problems) -> Tables:
        if "items" not in tables:
            return {"items": pictures}
        listed = pl.concat_list("masterCategory", "subCategory", "articleType").list.drop_nulls()
        items = tables["items"].with_columns(categories=listed)
        items = items.drop("masterCategory", "subCategory", "articleType")
        items = items.drop("image", strict=False)  # the file's name, which is the id's
        return {"items": items.join(pictures, on="item_id", how="left", maintain_order="left")}

    return Plan(path.stem, sheets, finish, also=[path])


def found_photos(path: Path) -> pl.DataFrame:
    """The photographs in a folder or zip: item_id, and images as a list.

    Raises:
        BadInput: if there are none, or a zip cannot be read.
    """
    if path.is_dir():
        names = [
            file.relative_to(path).as_posix()
            for file in path.rglob("*")
            if file.suffix.lower() in _ENDS
        ]
        for packed in sorted(path.glob("*.zip")):
            names += _in_zip(packed)
    else:
        names = _in_zip(path)
    if not names:
        raise BadInput(f"{path} holds no photographs ({', '.join(_ENDS)}); check the path")
    items = [PurePosixPath(name).stem for name in names]
    table = pl.DataFrame({"item_id": items, "images": names}).sort("item_id", "images")
    return table.group_by("item_id", maintain_order=True).agg(pl.col("images"))


def with_photos(dataset: Dataset, path: Path) -> Dataset:
    """The dataset with the photographs of its items, as far as there are any."""
    found = found_photos(path)
    items = dataset.items.drop("images")
    items = items.join(found, on="item_id", how="left", maintain_order="left")
    return dataset.replace(items=items)


def _in_zip(path: Path) -> list[str]:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except zipfile.BadZipFile as error:
        raise BrokenFile(path, None, f"is not a whole zip ({error}); fetch it again") from None
    except OSError as error:
        raise BrokenFile(path, None, f"cannot be opened: {error.strerror}") from None
    pictures = [name for name in names if PurePosixPath(name).suffix.lower() in _ENDS]
    return [f"{path.name}{INSIDE}{name}" for name in pictures]
