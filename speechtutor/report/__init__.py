"""Reports for researchers, graders and teachers.

`build.build` turns the folder of an evaluation into one HTML file that needs nothing else, with JSON
and CSV beside it; `class_page.build` turns attempts into a page for a teacher. Graders' overrides
(`overrides`), how far they agree (`grading`) and their way back into training (`labels`) belong here.
"""
