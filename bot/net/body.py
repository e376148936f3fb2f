"""Reads an HTTP body with a cap before and after unpacking, because a few kilobytes can hold gigabytes."""

import zlib

import aiohttp

_CHUNK_BYTES = 64 * 1024


class BodyError(Exception):
    """The body is too large, or not packed as its header says; the text is for an editor."""


async def read_body(answer: aiohttp.ClientResponse, cap_bytes: int) -> bytes:
    """The whole body, unpacked, at most `cap_bytes` long.

    Args:
        answer: From a session with `auto_decompress=False`.
        cap_bytes: Applied to the bytes on the wire and again to what they unpack to.

    Raises:
        BodyError: over the cap, unknown or broken encoding, or an end before its end.
    """
    encoding = answer.headers.get("Content-Encoding", "identity").strip().lower()
    unpack = _unpacker(encoding)
    received = 0
    parts: list[bytes] = []
    left = cap_bytes
    async for chunk in answer.content.iter_chunked(_CHUNK_BYTES):
        received += len(chunk)
        data = chunk
        if unpack is not None:
            try:
                data = unpack.decompress(chunk, left + 1)
            except zlib.error as error:
                raise BodyError("réponse mal compressée") from error
        left -= len(data)
        if left < 0 or received > cap_bytes:
            raise BodyError(f"réponse de plus de {cap_bytes // 1024} Kio")
        parts.append(data)
    if unpack is not None and received and not unpack.eof:
        raise BodyError("réponse compressée incomplète")
    return b"".join(parts)


def _unpacker(encoding: str) -> "zlib._Decompress | None":
    if encoding in {"identity", ""}:
        return None
    if encoding in {"gzip", "x-gzip"}:
        return zlib.decompressobj(zlib.MAX_WBITS | 16)  # 16: a gzip header and checksum
    raise BodyError(f"réponse compressée d’une façon inconnue ({encoding[:20]})")
