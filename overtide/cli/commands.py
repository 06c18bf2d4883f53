"""The commands on one project by name: each prints its answer and returns the exit code."""

from argparse import Namespace
from collections.abc import Callable

from overtide.cli.access_commands import key, token
from overtide.cli.changing_commands import post, update, withdraw
from overtide.cli.connector_command import connector
from overtide.cli.job_commands import jobs, schedule
from overtide.cli.match_commands import match
from overtide.cli.output import Output
from overtide.cli.reading_commands import get, open_statements, sql, status, timeline
from overtide.cli.running_commands import refresh, stream
from overtide.cli.serving_commands import serve
from overtide.cli.usage_command import usage
from overtide.project import Project

COMMANDS: dict[str, Callable[[Project, Namespace, Output], int]] = {
    "get": get,
    "timeline": timeline,
    "sql": sql,
    "open": open_statements,
    "status": status,
    "update": update,
    "withdraw": withdraw,
    "post": post,
    "refresh": refresh,
    "match": match,
    "stream": stream,
    "serve": serve,
    "token": token,
    "key": key,
    "jobs": jobs,
    "schedule": schedule,
    "connector": connector,
    "usage": usage,
}
