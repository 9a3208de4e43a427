"""What is read from and written to a disk, and holds after a crash.

`disk` writes a file whole or not at all and holds locks; `jsonio` reads and writes typed values and
names the row and field that is wrong; `fingerprint` says what a piece of work was made of; `journal`
lets work go on where it stopped; `guard` keeps the traceback of what nobody foresaw.
"""
