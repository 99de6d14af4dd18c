// On to the page, with what stands behind # in the address, and without the token. The page that had it is left behind.

location.replace(`/${location.hash}`);
