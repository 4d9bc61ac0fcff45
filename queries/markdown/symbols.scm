(section . (atx_heading heading_content: (inline) @name)) @definition.other
(section (setext_heading heading_content: (paragraph (inline) @name)) @definition.other)
