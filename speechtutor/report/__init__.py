"""Reports for researchers, graders and teachers.

`run_page.build` turns an evaluation, scores or recordings (`sources`) into one HTML file that needs nothing
else, with JSON and CSV beside it; `class_page.build` turns attempts into a page for a teacher. Graders'
overrides (`overrides`), grades that they click, blind first (`grades`, `desk`, `sheet`), how far they agree
(`grading`) and their way back into training (`labels`) belong here.
"""
