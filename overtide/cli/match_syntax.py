"""The syntax of the command of matching."""

from overtide.cli.argument_parser import Parser, Syntax


def _match(parser: Parser) -> None:
    parser.add_argument(
        "action", metavar="ACTION", choices=("try", "explain"), help="try or explain"
    )
    parser.add_argument("words", metavar="ENTITY=PK", nargs="*", help="the two records to explain")
    parser.add_argument(
        "--sample",
        metavar="N",
        help="draw so many records of each entity, with all that they are compared with "
        "(default: all records)",
    )


MATCHING = {
    "match": Syntax(
        "try the rules of matching, and explain what they do",
        "try [--sample N] | explain ENTITY=PK ENTITY=PK",
        _match,
        "Reads the configured files and publishes nothing.\n\n"
        "  overtide match explain Shop_Contacts=4711 Loyalty_Members=L-17",
    ),
}
