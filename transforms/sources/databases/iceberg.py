"""Apache Iceberg: each table is a folder, read as its latest metadata has it when it is asked.

No catalog is asked which metadata counts. `version-hint.text` says so where the table is kept in
files alone; else it is the file of the greatest number, as catalogs write one for each commit.
"""

import json
import re
from pathlib import Path
from urllib.parse import unquote

from overtide.schemas.names import literal
from overtide.transforms.sources.databases.contract import failed_query
from overtide.transforms.sources.databases.table_folders import FolderSession, TableFolders

NUMBERED = re.compile(r"v?(\d+)(?:-[^/]*)?\.metadata\.json")
"""How metadata is called: `v3.metadata.json` in files alone, `00003-<uuid>.metadata.json` else."""
HINT = "version-hint.text"


class IcebergSession(FolderSession):
    """Iceberg tables of a folder."""

    mark = "metadata"

    def scan(self, folder: Path) -> str:
        """Return the SQL of a table's rows, also of a folder that was copied or moved."""
        file = self._latest(folder)
        version = file.name.removesuffix(".metadata.json")
        try:
            location = str(json.loads(file.read_bytes())["location"])
        except (OSError, ValueError, KeyError, TypeError):
            raise failed_query(self.located, f"{file.name} of the table is damaged") from None
        moved = unquote(re.sub(r"^file:(//)?(?=/)", "", location)).rstrip("/") != str(folder)
        return (
            f"SELECT * FROM iceberg_scan({literal(str(folder))}, version = {literal(version)}, "
            "version_name_format = '%s%s.metadata.json', "
            f"allow_moved_paths = {str(moved).lower()})"
        )

    def _latest(self, folder: Path) -> Path:
        """Return the file of the metadata that counts."""
        there: dict[int, list[Path]] = {}
        for file in (folder / self.mark).iterdir():
            if found := NUMBERED.fullmatch(file.name):
                there.setdefault(int(found[1]), []).append(file)
        hint = folder / self.mark / HINT
        hinted = re.search(r"\d+", hint.read_text(errors="replace")) if hint.is_file() else None
        number = int(hinted[0]) if hinted else max(there, default=-1)
        files = there.get(number, [])
        if len(files) != 1:
            what = "no metadata of its" if not files else "several metadata files of its latest"
            raise failed_query(self.located, f"the table has {what} version")
        return files[0]


ICEBERG = TableFolders(IcebergSession, ("avro", "iceberg"), "iceberg")
