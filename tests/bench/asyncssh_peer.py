"""Copies a script to hosts on loopback and runs it there, by asyncssh: KEY SCRIPT PLACE AT_A_TIME PORT ..."""

import asyncio
import sys

import asyncssh


async def one(limit, port, key, script, place):
    async with limit, asyncssh.connect("127.0.0.1", port=port, username="root", client_keys=[key], known_hosts=None,
                                       config=None) as connection:
        async with connection.start_sftp_client() as sftp:
            await sftp.put(script, place)
        await connection.run(f"bash {place}", check=True)


async def main():
    key, script, place, at_a_time, *ports = sys.argv[1:]
    limit = asyncio.Semaphore(int(at_a_time))
    await asyncio.gather(*(one(limit, int(port), key, script, place) for port in ports))


if __name__ == "__main__":
    asyncio.run(main())
