"""Finding a reaction, metabolite or gene by id, name, gene symbol or locus, EC number or database identifier."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

from core.metabolic.tables import ModelTables


@dataclass(frozen=True)
class Hit:
    """A found entity: ``entity`` such as "rxn:PFK", its ``name``, and ``matched``, what of it fits the query."""

    entity: str
    name: str
    matched: str


@dataclass(frozen=True)
class SearchIndex:
    """Every entity of a model with the lower-case words it can be found by."""

    entries: tuple[tuple[str, str, tuple[str, ...]], ...]

    def find(self, query: str, *, limit: int = 12) -> list[Hit]:
        """Entities that fit a query, best first: an id or identifier that equals it, then one that starts with it, then any that holds it."""
        wanted = query.strip().lower()
        if not wanted:
            return []
        ranked: list[tuple[int, int, int, Hit]] = []
        for order, (entity, name, words) in enumerate(self.entries):
            best = min(((_rank(word, wanted), i) for i, word in enumerate(words)), default=(3, 0))
            if best[0] < 3:
                ranked.append((best[0], best[1] > 0, order, Hit(entity, name, words[best[1]])))
        return [hit for *_, hit in sorted(ranked, key=lambda r: r[:3])[:limit]]


def _rank(word: str, wanted: str) -> int:
    if word == wanted:
        return 0
    return 1 if word.startswith(wanted) else 2 if wanted in word else 3


def search_index(tables: ModelTables) -> SearchIndex:
    """The index of a model."""
    entries = []
    for kind, ids, names, noted in (
        ("rxn", tables.reactions, tables.reaction_names, tables.reaction_annotations),
        ("met", tables.metabolites, tables.metabolite_names, tables.metabolite_annotations),
        ("gene", tables.genes, tables.gene_names, tables.gene_annotations),
    ):
        for entity, name, annotation in zip(ids, names, noted, strict=True):
            identifiers = [v for values in annotation.values() for v in values]
            words = tuple(dict.fromkeys(w.lower() for w in (entity, name, *identifiers) if w))
            entries.append((f"{kind}:{entity}", name, words))
    return SearchIndex(tuple(entries))


_DATABASES = {
    "bigg.reaction": "BiGG",
    "bigg.metabolite": "BiGG",
    "kegg.reaction": "KEGG",
    "kegg.compound": "KEGG",
    "kegg.genes": "KEGG",
    "metanetx.reaction": "MetaNetX",
    "metanetx.chemical": "MetaNetX",
    "ec-code": "EC",
    "rhea": "Rhea",
    "chebi": "ChEBI",
    "uniprot": "UniProt",
    "ncbigene": "NCBI Gene",
    "seed.reaction": "ModelSEED",
    "seed.compound": "ModelSEED",
}


def links(annotation: dict[str, list[str]]) -> list[tuple[str, str, str]]:
    """(database, identifier, address) of the annotations that have a page, through identifiers.org, the registry's resolver."""
    found = []
    for database, identifiers in annotation.items():
        if database in _DATABASES:
            found += [
                (
                    _DATABASES[database],
                    i,
                    f"https://identifiers.org/{database}:{quote(i.removeprefix('CHEBI:') if database == 'chebi' else i, safe='.-_')}",
                )
                for i in identifiers[:4]
            ]
    return found
