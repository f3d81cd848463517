"""What a program with InfluxDB's Python library does; prints what it gets, one JSON text a line."""

import json
import sys

from influxdb import InfluxDBClient
from influxdb.exceptions import InfluxDBClientError

host, port = sys.argv[1], int(sys.argv[2])
access = {"username": sys.argv[3], "password": sys.argv[4]} if len(sys.argv) > 3 else {}


def show(what, value):
    print(json.dumps([what, value], sort_keys=True))


def rows(result):
    return [[key[0], sorted((key[1] or {}).items()), list(points)] for key, points in result.items()]


def refused(what, work):
    try:
        work()
        show(what, "was not refused")
    except InfluxDBClientError as error:
        show(what, [error.code, error.content])


packed = InfluxDBClient(host, port, database="py", gzip=True, **access)
plain = InfluxDBClient(host, port, database="py", headers={"Accept": "application/json"}, **access)

packed.create_database("py")
packed.create_retention_policy("week", "7d", "1", database="py", shard_duration="1h")
show("policies", packed.get_list_retention_policies("py"))

points = [
    {
        "measurement": "cpu load",
        "tags": {"host": "a b" if n % 2 else "c,d=e", "empty": ""},
        "time": 1_000_000_000_000_000_000 + n,
        "fields": {
            "float": n / 7,
            "int": 9007199254740993 + n,
            "text": 'quote " back \\ line\nend',
            "flag": n % 3 == 0,
        },
    }
    for n in range(50)
]
show("written", packed.write_points(points, batch_size=20))
show("seconds", plain.write_points(
    [{"measurement": "times", "time": 1500000000, "fields": {"v": 1}}], time_precision="s"
))
show("protocol", plain.write_points(["lines,a=1 v=1 5", "lines,a=2 v=2 -6"], protocol="line"))
refused("conflict", lambda: plain.write_points(
    [{"measurement": "times", "time": 1_500_000_000_000_000_001, "fields": {"v": "text"}}]
))

for name, client in [("msgpack", packed), ("json", plain)]:
    everything = 'SELECT * FROM "cpu load" WHERE "int" < 9007199254740998 GROUP BY host'
    show(name, rows(client.query(everything, epoch="ns")))
    show(name + " times", rows(client.query('SELECT "int" FROM "cpu load" LIMIT 3')))
    bound = client.query(
        'SELECT "float" FROM "cpu load" WHERE host = $host AND "int" > $least LIMIT 4',
        bind_params={"host": "a b", "least": 9007199254741000},
        epoch="ns",
    )
    show(name + " bound", rows(bound))
    show(name + " several", [rows(r) for r in client.query("SHOW MEASUREMENTS; SHOW TAG KEYS")])
    refused(name + " syntax", lambda: client.query("SELECT mean( FROM x"))
    refused(name + " unknown", lambda: client.query("SELECT * FROM nowhere..x"))

parts = plain.query('SELECT "int" FROM "cpu load"', chunked=True, chunk_size=15, epoch="ns")
show("chunked", [rows(part) for part in parts])

show("databases", sorted(entry["name"] for entry in packed.get_list_database()))
show("measurements", packed.get_list_measurements())
show("series", packed.get_list_series())
packed.delete_series(measurement="lines", tags={"a": "1"})
show("after delete", rows(packed.query("SELECT * FROM lines", epoch="ns")))
packed.drop_measurement("times")
show("after drop", packed.get_list_measurements())
packed.drop_database("py")
