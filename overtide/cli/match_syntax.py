"""The syntax of the command of matching."""

from overtide.cli.argument_parser import Parser, Syntax

ACTIONS = ("try", "explain", "blocks", "learn", "review", "decide")


def _match(parser: Parser) -> None:
    parser.add_argument(
        "action",
        metavar="ACTION",
        choices=ACTIONS,
        help="try, explain, blocks, learn, review or decide",
    )
    parser.add_argument(
        "words",
        metavar="WORD",
        nargs="*",
        help="the two records to explain, each as ENTITY=PK, or the file of decisions to take",
    )
    parser.add_argument(
        "--sample",
        metavar="N",
        help="draw so many records of each entity, with all that they are compared with "
        "(default: all records)",
    )
    parser.add_argument(
        "--write",
        action="store_true",
        help="write what is learnt into overtide.yaml: numbers alone, all else stays as it stands",
    )
    parser.add_argument(
        "--seed",
        metavar="N",
        help="by which pairs are drawn to learn from; the same seed gives the same (default: 1)",
    )
    parser.add_argument(
        "--pairs",
        metavar="N",
        help="pairs to review that are joined, and as many that are not (default: 50)",
    )
    parser.add_argument(
        "--out",
        metavar="FILE",
        default="review.html",
        help="the page to review (default: review.html)",
    )


MATCHING = {
    "match": Syntax(
        "try, explain, learn and review the rules of matching",
        "try [--sample N] | explain ENTITY=PK ENTITY=PK | blocks |\n"
        "                      learn [--write] | review [OPTIONS] | decide FILE",
        _match,
        "Reads the configured files and publishes nothing.\n\n"
        "  overtide match explain Shop_Contacts=4711 Loyalty_Members=L-17",
    ),
}
