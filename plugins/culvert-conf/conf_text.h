/* Sentences for people, with libstrongswan's own conversions (%H host, %Y identity, %P proposals, %R selectors, %N
 * name). */
#ifndef CONF_TEXT_H_
#define CONF_TEXT_H_

/**
 * Formats a text. No format attribute: the compiler does not know libstrongswan's conversions.
 *
 * @param format	as for printf
 * @return			allocated text, NULL only without memory
 */
char *conf_text(const char *format, ...);

#endif
