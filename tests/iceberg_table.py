"""An Apache Iceberg table (version 2 of its format), written by hand as its specification says."""

import json
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from fastavro import writer

TYPES = {"Id": "long", "Name": "string", "Mail": "string", "Amount": "decimal(12, 2)"}
TYPES |= {"Since": "date"}
ARROW = {"long": pa.int64(), "string": pa.string(), "date": pa.date32()}
ARROW |= {"decimal(12, 2)": pa.decimal128(12, 2)}
DATA_FILE = {
    "content": ("int", 134),
    "file_path": ("string", 100),
    "file_format": ("string", 101),
    "partition": ({"type": "record", "name": "r102", "fields": []}, 102),
    "record_count": ("long", 103),
    "file_size_in_bytes": ("long", 104),
}
MANIFEST = {
    "manifest_path": ("string", 500),
    "manifest_length": ("long", 501),
    "partition_spec_id": ("int", 502),
    "content": ("int", 517),
    "sequence_number": ("long", 515),
    "min_sequence_number": ("long", 516),
    "added_snapshot_id": ("long", 503),
    "added_files_count": ("int", 504),
    "existing_files_count": ("int", 505),
    "deleted_files_count": ("int", 506),
    "added_rows_count": ("long", 512),
    "existing_rows_count": ("long", 513),
    "deleted_rows_count": ("long", 514),
}
ADDED, DELETED = 1, 2


def record(name: str, fields: Mapping[str, tuple[object, int]]) -> dict[str, object]:
    return {
        "type": "record",
        "name": name,
        "fields": [
            {"name": one, "type": kind, "field-id": id_} for one, (kind, id_) in fields.items()
        ],
    }


ENTRY = record(
    "manifest_entry",
    {
        "status": ("int", 0),
        "snapshot_id": (["null", "long"], 1),
        "sequence_number": (["null", "long"], 3),
        "file_sequence_number": (["null", "long"], 4),
        "data_file": (record("r2", DATA_FILE), 2),
    },
)


class IcebergTable:
    """A table in a folder; every write is a snapshot, with a metadata file of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.number, self.snapshots = folder, 0, []
        for name in ("data", "metadata"):
            (folder / name).mkdir(parents=True)

    def commit(self, rows: pa.Table, removed: str | None = None) -> str:
        """Add rows as a file, maybe in place of an earlier file; return the name of the new one."""
        self.number += 1
        name = f"{self.number:05d}.parquet"
        fields = [
            pa.field(one, ARROW[kind], metadata={b"PARQUET:field_id": str(id_).encode()})
            for id_, (one, kind) in enumerate(TYPES.items(), start=1)
        ]
        pq.write_table(rows.cast(pa.schema(fields)), self.folder / "data" / name)
        entries = [self._entry(ADDED, name)]
        entries += [self._entry(DELETED, removed)] if removed else []
        manifests = [self._manifest(entries)]
        if self.snapshots and removed is None:
            manifests = [*self.snapshots[-1]["manifests"], *manifests]
        path = self._avro(f"snap-{self.number}", record("manifest_file", MANIFEST), manifests)
        self.snapshots.append({"path": path, "manifests": manifests})
        self._write_metadata()
        return name

    def _entry(self, status: int, name: str) -> dict[str, object]:
        file = self.folder / "data" / name
        return {
            "status": status,
            "snapshot_id": self.number,
            "sequence_number": self.number,
            "file_sequence_number": self.number,
            "data_file": {
                "content": 0,
                "file_path": file.as_uri(),
                "file_format": "PARQUET",
                "partition": {},
                "record_count": pq.read_metadata(file).num_rows,
                "file_size_in_bytes": file.stat().st_size,
            },
        }

    def _manifest(self, entries: list[dict[str, object]]) -> dict[str, object]:
        path = self._avro(f"m{self.number}", ENTRY, entries)
        return dict.fromkeys(MANIFEST, 0) | {
            "manifest_path": path.as_uri(),
            "manifest_length": path.stat().st_size,
            "sequence_number": self.number,
            "min_sequence_number": self.number,
            "added_snapshot_id": self.number,
            "added_files_count": 1,
            "deleted_files_count": len(entries) - 1,
        }

    def _avro(self, name: str, schema: dict[str, object], rows: list[dict[str, object]]) -> Path:
        path = self.folder / "metadata" / f"{name}.avro"
        told = {"schema": json.dumps(self._schema()), "partition-spec": "[]", "content": "data"}
        told |= {"partition-spec-id": "0", "format-version": "2", "schema-id": "0"}
        with path.open("wb") as file:
            writer(file, schema, rows, metadata=told)
        return path

    def _schema(self) -> dict[str, object]:
        fields = [
            {"id": id_, "name": one, "required": False, "type": kind}
            for id_, (one, kind) in enumerate(TYPES.items(), start=1)
        ]
        return {"type": "struct", "schema-id": 0, "fields": fields}

    def _write_metadata(self) -> None:
        snapshots = [
            {
                "snapshot-id": number,
                "sequence-number": number,
                "timestamp-ms": number,
                "manifest-list": one["path"].as_uri(),
                "summary": {"operation": "append"},
                "schema-id": 0,
            }
            for number, one in enumerate(self.snapshots, start=1)
        ]
        document = {
            "format-version": 2,
            "table-uuid": "5d0f0f3c-1e1b-4f8e-9c53-3f6f0a6b9f14",
            "location": self.folder.as_uri(),
            "last-sequence-number": self.number,
            "last-updated-ms": self.number,
            "last-column-id": len(TYPES),
            "current-schema-id": 0,
            "schemas": [self._schema()],
            "default-spec-id": 0,
            "partition-specs": [{"spec-id": 0, "fields": []}],
            "last-partition-id": 999,
            "default-sort-order-id": 0,
            "sort-orders": [{"order-id": 0, "fields": []}],
            "properties": {},
            "current-snapshot-id": self.number,
            "snapshots": snapshots,
        }
        file = self.folder / "metadata" / f"{self.number:05d}-5d0f0f3c.metadata.json"
        file.write_text(json.dumps(document))
