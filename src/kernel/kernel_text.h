/*-------------------------------------------------------------------------
 *
 * kernel_text.h
 *	  The loop over JSON text: part of kernel_template.h.
 *
 *-------------------------------------------------------------------------
 */

static const char *
skip_plain(const char *p, const char *end)
{
	for (; end - p >= (ptrdiff_t) sizeof(Vector); p += sizeof(Vector))
	{
		Mask		found = attention(load_vector(p));

		if (found != 0)
			return p + first_byte(found);
	}
	while (p < end && *p != '"' && *p != '\\' && (unsigned char) *p >= 0x20)
		p++;
	return p;
}
